# The module is not loaded at boot: one alert, and no fault. The table appears, fills, and is unloaded
# again.

settings levels: { forecast = 0; };
source table absent
poll at 1s
alerts blind begin source=table
poll until 3600s
alerts nothing

source table ok
table max=65536 count=10
poll until 3602s
alerts sighted end source=table
poll until 3700s count=60000
alerts usage begin level=warning
alerts usage begin level=critical

source table absent
poll until 3701s
alerts blind begin source=table
poll until 3720s
alerts usage end level=ok count=-
alerts nothing
