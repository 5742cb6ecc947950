# Memory for 300,000 entries: growth stops there and says so once, then the table is full.
settings growth: { enabled = true; };
settings levels: { forecast = 0; };
machine total=1GiB available=900MiB
table count=0 max=65536 buckets=65536
look at 0s
look until 10s count=40000
# 10 % of 1 GiB / 386 bytes, in multiples of 4096
says grew begin reason=reserve new_max=139264
look until 60s count=120000
says grew begin reason=reserve old_max=139264 new_max=274432
look until 120s count=215000
says usage begin level=warning
look until 130s count=225000
says growth_refused begin reason=at_ceiling ceiling=274432 bound=growth.memory
look until 180s count=274432
says usage begin level=critical
says usage begin level=full
table drop+=5
look at 181s
says table_full begin
look until 5min drop+=1
says nothing
