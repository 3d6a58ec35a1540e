*	
parquet