
J


2Z
	timedelta