
&$

	
parquets3://bucket/x.parquet