"""Safe Exam Browser: keys, files, documents, the gate."""
