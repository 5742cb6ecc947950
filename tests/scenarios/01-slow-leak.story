# A slow leak: connections pile up over ten minutes, are found, and go away.
# Each threshold is told once on the way up, once on the way down, and nothing in between.

settings levels: { forecast = 0; };
table max=10000 buckets=10000 count=1000
look at 1s
says nothing

look until 600s count=9500
says usage begin level=warning usage_percent=75.1 max=10000 buckets=10000
says usage begin level=critical usage_percent=90.1
says nothing

# Down through both at once: nothing is said before the hold of ten seconds is over.
table count=2000
look until 609s
says nothing
look until 612s
says usage end level=ok count=2000 from=610s by=611s
look until 900s
says nothing
