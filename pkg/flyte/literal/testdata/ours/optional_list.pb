
#J!
	


aZ

Typed List