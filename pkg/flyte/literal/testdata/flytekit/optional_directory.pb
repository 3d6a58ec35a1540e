
7J5



s3://bucket/dir*Z
FlyteDirectory