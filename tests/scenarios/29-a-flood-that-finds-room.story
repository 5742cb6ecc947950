# A burst out of nowhere into a table of 65,536: it grows before it is full.
settings growth: { enabled = true; };
table count=0 max=65536 buckets=65536
poll at 0s
# two reserves, and 16 times the buckets, while the table is empty
alerts grew begin reason=reserve old_max=65536 new_max=253952 old_buckets=65536 new_buckets=1048576 stall_usec=20000
poll until 60s
alerts nothing
# within half the time that 500,000 entries a second take to fill it
next at_most 253952us
poll until 60.5s count=150000
alerts grew begin reason=reserve old_max=253952
poll until 62s count=600000
# levels are about the fill, whatever grows
alerts usage begin level=warning
alerts grew begin reason=fill
poll until 2min count=600000
alerts usage end
alerts nothing
