# A restart in which nothing was lost is no news, and neither are the kernel's lines from before it.

settings levels: { forecast = 0; };
table max=10000 count=100 buckets=10240 drop=500
former at 5s
past full=30 age=60s
poll at 8s
alerts nothing
poll until 60s
alerts nothing
