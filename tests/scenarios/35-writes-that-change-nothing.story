# A write that succeeds and changes nothing is noticed, tried again once a second, and has one alert.
settings growth: { enabled = true; buckets = "never"; };
settings levels: { forecast = 0; };
machine writes=stay
table count=200000 max=262144 buckets=262144
poll at 0s
alerts usage begin level=warning
poll until 20s count=212000
alerts growth_refused begin reason=write_failed
poll until 60s
alerts nothing
machine writes=ok
poll until 80s
alerts grew begin old_max=262144
alerts growth_refused end
alerts usage end
