


s3://bucket/dir