"""What a network learns from: MNIST or the digits, split, and varied by augmentation."""
