
BB@
s3://bucket/table+
)

ra

id


nameparquet