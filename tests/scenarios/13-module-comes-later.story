# conntrack is not loaded at boot: that is told once, and no fault. It appears, fills, and is
# unloaded again under us.

settings levels: { forecast = 0; };
source table absent
look at 1s
says blind begin source=table
look until 3600s
says nothing

source table ok
table max=65536 count=10
look until 3602s
says sighted end source=table
look until 3700s count=60000
says usage begin level=warning
says usage begin level=critical

source table absent
look until 3701s
says blind begin source=table
look until 3720s
says usage end level=ok count=-
says nothing
