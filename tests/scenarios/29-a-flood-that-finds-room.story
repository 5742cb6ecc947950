# A burst out of nowhere into a table of 65,536: it is larger before it is full.
settings growth: { enabled = true; };
table count=0 max=65536 buckets=65536
look at 0s
# buckets for what 10 % of 24 GiB hold, while the table is empty
says grew begin reason=startup old_buckets=65536 new_buckets=1668096 old_max=- new_max=- stall_usec=20000
look until 60s
says nothing
# within half the time that 500,000 entries a second take to fill it
next at_most 65536us
look until 60.5s count=150000
says grew begin reason=burst old_max=65536
look until 62s count=600000
# levels are about the fill, whatever grows
says usage begin level=warning
says grew begin reason=fill new_max=843776
look until 2min count=600000
says nothing
