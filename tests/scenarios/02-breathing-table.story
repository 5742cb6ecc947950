# A fill that goes up and down around a threshold makes no series of alerts: the level stays at
# warning until the fill has been five points below for ten seconds.

settings levels: { forecast = 0; };
table max=10000 count=7400
poll at 1s
poll until 10s count=7600
alerts usage begin level=warning
poll until 20s count=7100
poll until 30s count=7600
poll until 40s count=7050
poll until 50s count=7500
alerts nothing

# Below 70 % for nine seconds is not long enough ...
table count=6990
poll until 59s
table count=7100
poll until 61s
alerts nothing
# ... for ten it is.
table count=6990
poll until 75s
alerts usage end level=ok from=71s by=72s
