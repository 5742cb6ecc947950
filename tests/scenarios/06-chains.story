# Counters of a calm table are read every ten seconds.
# max was raised and the buckets forgotten: insertions are refused far below max, without a word
# in the kernel log, and without moving `drop`.

settings levels: { forecast = 0; };
table max=1000000 buckets=4096 count=100000
look at 1s
table insert_failed+=24 chainlength+=24
look until 11s
says chain_too_long begin level=ok chain_too_long=24 insert_failed=0 drops=0
look until 30s
says chain_too_long end
