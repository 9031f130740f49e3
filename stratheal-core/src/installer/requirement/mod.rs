//! What is wanted: requirements as PEP 508 writes them, markers, requirements files, projects.
