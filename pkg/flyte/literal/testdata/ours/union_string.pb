
J



text	Z
str