"""Finding and opening what is to be translated."""
