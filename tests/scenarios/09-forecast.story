# The table fills steadily: a warning comes minutes ahead, not because of one busy second.

table max=262144 count=10000
look at 1s
look until 60s
# One second of a thousand new entries would fill it in four minutes, if it went on.
look until 61s count=11000
look until 120s
says nothing

# It does go on: a tenth of the time it forecasts makes it believed.
look until 180s count=71000
says forecast begin level=ok from=125s by=160s
says nothing
look until 240s
says forecast end
