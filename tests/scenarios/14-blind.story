# A source that cannot be read is told, and told again when it can; nothing is decided meanwhile
# on what was seen last.

settings levels: { forecast = 0; };
table max=10000 count=8000
look at 1s
says usage begin level=warning
source table failed
look at 2s
says blind begin source=table count=- level=-
table count=100
look until 300s
says nothing

# That the kernel is dropping is known all the same.
log full=4
look at 301s
says table_full begin level=full log_lines=4 count=-
source table ok
table count=9400
look at 302s
look until 304s
says sighted end source=table
look until 330s
says table_full end level=full
says usage begin level=critical

# One that fails at every other look does not fill the journal.
table count=9600
source counters failed
look at 331s
says blind begin source=counters
source counters ok
look at 331200ms
source counters failed
look at 331400ms
source counters ok
look at 331600ms
look until 332s
says nothing
look until 333s
says sighted end source=counters from=332400ms
