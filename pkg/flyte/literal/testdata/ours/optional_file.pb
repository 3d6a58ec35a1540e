
JJH
(
&$

	
parquets3://bucket/x.parquetZ
FlyteFilePath*	
parquet