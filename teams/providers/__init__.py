"""What people do with provider keys besides adding and removing them: test and change them."""
