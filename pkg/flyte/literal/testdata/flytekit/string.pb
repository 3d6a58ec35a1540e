

	grüße