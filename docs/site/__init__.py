"""What the site has and the pages on GitHub have not: pictures, the API, and links between both."""
