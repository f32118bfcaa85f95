# instance_types.csv as C initialisers; a line that is not of its form becomes an error of the compiler's.
/^#/d
s/^\([a-z0-9.-]*\),\([a-z0-9_]*\),\([0-9.]*\),\([0-9.]*\),\([0-9.]*\),\([0-9.]*\)$/{"\1", "\2", \3, \4, \5, \6},/
