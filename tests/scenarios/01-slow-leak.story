# A slow leak: connections pile up over ten minutes, are found, and go away. Each level has one alert
# on the way up; the way down has one.

settings levels: { forecast = 0; };
table max=10000 buckets=10000 count=1000
poll at 1s
alerts nothing

poll until 600s count=9500
alerts usage begin level=warning usage_percent=75.1 max=10000 buckets=10000
alerts usage begin level=critical usage_percent=90.1
alerts nothing

# Below both thresholds at once: no alert before the hold of ten seconds is over.
table count=2000
poll until 609s
alerts nothing
poll until 612s
alerts usage end level=ok count=2000 from=610s by=611s
poll until 900s
alerts nothing
