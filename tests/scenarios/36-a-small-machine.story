# 128 MB hold fewer entries than the reserve: that is no news until the table fills. When it is
# another reason that holds it down then, that is.
settings growth: { enabled = true; };
settings levels: { forecast = 0; };
settings alerts: { remind = 0; };
machine total=128MiB available=60MiB
table count=100 max=8192 buckets=8192
look at 0s
says grew begin reason=reserve new_max=32768
look until 60s
says nothing
look until 120s count=27000
says usage begin level=warning
says growth_refused begin reason=at_ceiling
machine available=1MiB
look at 121s
says growth_refused begin reason=no_memory bound=MemAvailable
