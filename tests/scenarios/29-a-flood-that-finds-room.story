# A burst out of nowhere into a table of 65,536: it is larger before it is full.
settings growth: { enabled = true; };
table count=0 max=65536 buckets=65536
look at 0s
# two reserves, and 16 times the buckets, while the table is empty
says grew begin reason=reserve old_max=65536 new_max=253952 old_buckets=65536 new_buckets=1048576 stall_usec=20000
look until 60s
says nothing
# within half the time that 500,000 entries a second take to fill it
next at_most 253952us
look until 60.5s count=150000
says grew begin reason=reserve old_max=253952
look until 62s count=600000
# levels are about the fill, whatever grows
says usage begin level=warning
says grew begin reason=fill
look until 2min count=600000
says usage end
says nothing
