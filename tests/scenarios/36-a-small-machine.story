# 128 MB hold fewer entries than the reserve: the reserve is a quarter of what they hold, and that
# it cannot be kept is no news until the table fills. A new reason in the same episode is told once.
settings growth: { enabled = true; };
settings levels: { forecast = 0; };
settings alerts: { remind = 0; };
machine total=128MiB available=60MiB
table count=100 max=8192 buckets=8192
look at 0s
says grew begin reason=reserve new_max=20480
look until 60s
says nothing
look until 120s count=27000
says grew begin reason=reserve new_max=32768
says usage begin level=warning
says growth_refused begin reason=at_ceiling
machine available=1MiB
look at 121s
says growth_refused reminder reason=no_memory bound=MemAvailable
machine available=60MiB
look at 122s
machine available=1MiB
look at 123s
says nothing
