"""Display: drives what members see from shown to wanted, one visit after the other.

The process opens the roles; `port` and `rate` are shared with the room `reconcile`.
"""
