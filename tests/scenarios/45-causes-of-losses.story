# Losses in a table that is far from full, and limits that other programs lower.

settings levels: { forecast = 0; hold = 0; };
table max=10000 buckets=10000 count=200
poll at 1s

# Below the limit: a helper that has no room for expectations.
host total=1GiB available=512MiB expectations=250 expect_max=256 helper=sip
table drop+=20
poll at 100s
alerts dropped_below_max begin cause=expectations
poll at 102s
alerts dropped_below_max end cause=-

# A helper for another reason, as memory is known.
host expectations=3
table drop+=20
poll at 200s
alerts dropped_below_max begin cause=helper
poll at 202s
alerts dropped_below_max end

host available=16MiB
table drop+=20
poll at 300s
alerts dropped_below_max begin cause=memory
poll at 302s
alerts dropped_below_max end

host unknown
table drop+=20
poll at 400s
alerts dropped_below_max begin cause=unknown
poll at 402s
alerts dropped_below_max end

# Clashes have a sample taken, although the table is far from half full, and wait for it.
walks at_most 0
walk takes 90ms
talkers unknown
talkers entries=200 snat=198.51.100.7/443/2500 destination=198.51.100.7/2500
table drop+=30 insert_failed+=30
poll at 500s
alerts nothing
poll at 501s
alerts insert_failed begin cause=nat_ports top_destination=198.51.100.7~25.0%
walks at_most 1
poll until 530s
alerts insert_failed end

# Queries of one resolver clash by a race.
talkers unknown
talkers entries=200 snat=198.51.100.7/53/9000
table drop+=30 insert_failed+=30
poll at 600s
poll at 601s
alerts insert_failed begin cause=clash_race
poll until 630s
alerts insert_failed end

# So many that ports must be short, to any port. That walk takes long.
walk takes 200ms
table max=1000000 count=200000
poll at 700s
alerts limit_changed begin cause=-
talkers unknown
talkers entries=5000 snat=198.51.100.7/53/807
table drop+=30 insert_failed+=30
poll at 710s
poll at 711s
alerts insert_failed begin cause=nat_ports
poll until 740s
alerts insert_failed end

# After a walk that took long there is none for an hour, and without a sample it is a race.
walks at_most 3
talkers unknown
table drop+=30 insert_failed+=30
poll at 900s
alerts insert_failed begin cause=clash_race
walks at_most 0
poll until 930s
alerts insert_failed end
walk takes 0

# Chains need no sample.
table insert_failed+=30 chainlength+=30
poll at 1000s
alerts chain_too_long begin cause=too_few_buckets
poll at 1002s
alerts chain_too_long end

# Expectations by the kernel's log: who holds them.
host expectations=256 expect_max=256 helper=ftp
log expect=3
poll at 1100s
alerts expect_full begin cause=expectations
poll until 1130s
alerts expect_full end

# Another program lowers the limit: the level that rises by it has that cause.
talkers unknown
talkers entries=5000 source=192.0.2.7/9000
table max=250000
poll at 5000s
alerts limit_changed begin cause=foreign_writer
alerts usage begin level=warning cause=foreign_writer
# More of it would have been too much for the old limit as well.
table max=250000 count=760000
poll at 5100s
alerts usage begin level=critical cause=one_source
alerts usage begin level=full cause=one_source
table max=1000000 count=100
poll at 5200s
alerts limit_changed begin cause=-
alerts usage end
# It was raised again: what fills it now is what fills it.
table count=760000
poll at 5300s
alerts usage begin cause=one_source
table count=100
poll at 5301s
alerts usage end

# The table of another namespace.
log netns/4026532246=5
poll at 5400s
alerts table_full begin cause=other_netns
poll until 5430s
alerts table_full end
alerts nothing
