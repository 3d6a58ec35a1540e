B)

ra

id


nameparquet