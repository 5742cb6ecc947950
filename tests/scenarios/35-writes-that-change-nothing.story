# A write that succeeds and changes nothing is found out, tried once a second, and said once.
settings growth: { enabled = true; buckets = "never"; };
settings levels: { forecast = 0; };
machine writes=stay
table count=200000 max=262144 buckets=262144
look at 0s
says usage begin level=warning
look until 20s count=212000
says growth_refused begin reason=write_failed
look until 60s
says nothing
machine writes=ok
look until 80s
says grew begin old_max=262144
says growth_refused end
says usage end
