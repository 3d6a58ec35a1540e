
JJH
(
&$

	
parquets3://bucket/x.parquet*	
parquetZ
FlyteFilePath