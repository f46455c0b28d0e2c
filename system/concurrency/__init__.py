"""How threads wait for each other, take turns and show that they are alive. Nothing here knows what a
thread works on."""
