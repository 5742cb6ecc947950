# Memory for 278,180 entries, and buckets for 524,288. What other namespaces hold comes off both, and
# a quarter of what they leave of the memory is for what they gain.
settings growth: { enabled = true; buckets = "never"; };
settings levels: { forecast = 0; };
machine total=1GiB available=900MiB
table count=0 max=65536 buckets=65536 other_entries=100000
poll at 0s
poll until 60s count=110000
alerts grew begin reason=reserve new_max=131072
alerts usage begin level=warning
poll until 70s count=120000
alerts growth_refused begin reason=at_ceiling ceiling=131072 bound=growth.memory
alerts usage begin level=critical
# They end: their share is free again.
table other_entries=0
poll until 80s count=121000
alerts grew begin reason=fill new_max=262144
alerts growth_refused end
poll until 95s count=121000
alerts usage end level=ok
# Then they hold so many that the buckets carry no more, though memory would allow it.
machine total=64GiB available=60GiB
table other_entries=300000
poll until 100s count=200000
alerts usage begin level=warning
poll until 110s count=215000
alerts growth_refused begin reason=too_few_buckets ceiling=224288 bound=buckets
