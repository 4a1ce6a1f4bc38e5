"""An Alipay to develop against: it signs, verifies, notifies and misbehaves like the real gateway."""
