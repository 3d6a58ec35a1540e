
'J%


a

 Z

Typed Dict"