"""The rules' machinery: rule files, CEL, scopes, effective values."""
