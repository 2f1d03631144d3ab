"""Grey levels as DCMTK's dcm2pnm makes them; see README.md."""
