# 128 MB hold fewer entries than the reserve: the reserve is a quarter of what they hold, and has no
# alert of its own until the table fills. A new reason in the same episode has one alert.
settings growth: { enabled = true; };
settings levels: { forecast = 0; };
settings alerts: { remind = 0; };
machine total=128MiB available=60MiB
table count=100 max=8192 buckets=8192
poll at 0s
alerts grew begin reason=reserve new_max=20480
poll until 60s
alerts nothing
poll until 120s count=27000
alerts grew begin reason=reserve new_max=32768
alerts usage begin level=warning
alerts growth_refused begin reason=at_ceiling
machine available=1MiB
poll at 121s
alerts growth_refused reminder reason=no_memory bound=MemAvailable
machine available=60MiB
poll at 122s
machine available=1MiB
poll at 123s
alerts nothing
