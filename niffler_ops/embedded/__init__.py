"""The toolkit for machines without Java: storescp, findscu, movescu and a small archive."""
