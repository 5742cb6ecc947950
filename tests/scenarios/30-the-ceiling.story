# Memory for 300,000 entries: growth stops there with one alert, then the table is full.
settings growth: { enabled = true; };
settings levels: { forecast = 0; };
machine total=1GiB available=900MiB
table count=0 max=65536 buckets=65536
poll at 0s
poll until 10s count=40000
# 10 % of 1 GiB / 386 bytes, in multiples of 4096
alerts grew begin reason=reserve new_max=139264
poll until 60s count=120000
alerts grew begin reason=reserve old_max=139264 new_max=274432
poll until 120s count=215000
alerts usage begin level=warning
poll until 130s count=225000
alerts growth_refused begin reason=at_ceiling ceiling=274432 bound=growth.memory
poll until 180s count=274432
alerts usage begin level=critical
alerts usage begin level=full
table drop+=5
poll at 181s
alerts table_full begin
poll until 5min drop+=1
alerts nothing
