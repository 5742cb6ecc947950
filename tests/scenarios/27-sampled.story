# Reading every event would cost more than the budget: one in four is read, and that is said.

settings levels: { forecast = 0; };
settings events: { mode = "always"; };
table max=1000000 count=100000
look at 1s
events created=100000 sampling=4
look every 250ms until 5s
table count=760000
look at 5250ms
says usage begin level=warning new_rate=400000 sampled=1/4
