
J



text	Z
str