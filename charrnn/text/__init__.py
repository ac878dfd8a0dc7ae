"""From files to ids: sources, encodings, normal forms, records, vocabularies, encoded text on disk."""
