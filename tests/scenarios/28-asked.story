# The administrator asks (SIGUSR1): the fill is said at once, with who fills the table.

settings levels: { forecast = 0; };
who entries=5000 margin=138 assured=10 source=192.0.2.7/100
table max=10000 count=6000
look at 1s
says nothing
asked
look at 2s
says usage reminder level=ok top_source=192.0.2.7~1.0%
# In a table less than half full nobody is asked: another namespace may hold most of the entries.
table count=1000
asked
look at 300s
says usage reminder level=ok top_source=-
walked at_most 1
