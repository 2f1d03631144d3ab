"""Finding lesions as points: candidates against boxes or components, FROC, and the tables of BCS-DBT."""
