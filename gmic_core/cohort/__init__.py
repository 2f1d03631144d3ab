"""Scoring many images: several processes, on this machine or on many, in a journal that survives being killed.

``plan`` says what is to be done, ``worker`` does it for one image after another, ``pool`` (this machine) and
``cluster`` (Ray) run workers, ``journal`` keeps what is known, ``ledger`` makes the tables of it, ``run`` ties them
together.
"""
