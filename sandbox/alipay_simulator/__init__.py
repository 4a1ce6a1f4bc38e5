"""An Alipay to develop against: signs, verifies, notifies and misbehaves like the real open platform gateway."""
