"""How a user's images can lie: which files are images, what their labels are, and which are unseen."""
