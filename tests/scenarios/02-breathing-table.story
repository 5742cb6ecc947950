# A table that breathes around a threshold does not chatter: it stays at warning until it has been
# five points below for ten seconds.

settings levels: { forecast = 0; };
table max=10000 count=7400
look at 1s
look until 10s count=7600
says usage begin level=warning
look until 20s count=7100
look until 30s count=7600
look until 40s count=7050
look until 50s count=7500
says nothing

# Below 70 % for nine seconds is not long enough ...
table count=6990
look until 59s
table count=7100
look until 61s
says nothing
# ... for ten it is.
table count=6990
look until 75s
says usage end level=ok from=71s by=72s
